//! A stored array: element type, shape and little-endian bytes, without any library's tensor type.

use candle_core::{Device, Tensor};
use kenyon_base::{Result, UserError};
use serde::{Deserialize, Serialize};

/// Element type of a stored array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// Unsigned 64-bit integer, as root ids are.
    U64,
    /// Signed 64-bit integer.
    I64,
}

impl DType {
    /// Bytes of one element.
    pub const fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F64 | Self::U64 | Self::I64 => 8,
        }
    }

    /// Name as in Rust and candle.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::U64 => "u64",
            Self::I64 => "i64",
        }
    }
}

/// A number that an array can be made of.
pub trait Element: Copy {
    /// Its element type.
    const DTYPE: DType;
    /// Appends its little-endian bytes.
    fn put(self, bytes: &mut Vec<u8>);
    /// Reads it from `DTYPE.size()` little-endian bytes.
    fn get(bytes: &[u8]) -> Self;
}

macro_rules! element {
    ($($t:ty => $d:ident),*) => {$(
        impl Element for $t {
            const DTYPE: DType = DType::$d;
            fn put(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
            fn get(bytes: &[u8]) -> Self {
                Self::from_le_bytes(bytes.try_into().expect("chunks have the size of an element"))
            }
        }
    )*};
}
element!(f32 => F32, f64 => F64, u64 => U64, i64 => I64);

/// Element type, shape and little-endian bytes of one array, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorData {
    dtype: DType,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl TensorData {
    /// An array of `values` in row-major order.
    ///
    /// # Panics
    /// If the shape does not hold exactly these values.
    pub fn new<T: Element>(shape: &[usize], values: &[T]) -> Self {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "the shape holds the values");
        let mut bytes = Vec::with_capacity(values.len() * T::DTYPE.size());
        for value in values {
            value.put(&mut bytes);
        }
        Self { dtype: T::DTYPE, shape: shape.to_vec(), bytes }
    }

    /// A one-dimensional array.
    pub fn vector<T: Element>(values: &[T]) -> Self {
        Self::new(&[values.len()], values)
    }

    /// An array of stored bytes, or nothing if their number does not fit the shape.
    pub(super) fn from_bytes(dtype: DType, shape: Vec<usize>, bytes: Vec<u8>) -> Option<Self> {
        let count = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d))?;
        (count.checked_mul(dtype.size())? == bytes.len()).then_some(Self { dtype, shape, bytes })
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Extent of each axis, slowest first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Little-endian bytes of the elements, row-major.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The elements, if they are of type `T`.
    pub fn values<T: Element>(&self) -> Option<Vec<T>> {
        (self.dtype == T::DTYPE).then(|| self.bytes.chunks_exact(T::DTYPE.size()).map(T::get).collect())
    }

    /// Flat index and value of the first element that is NaN or infinite.
    pub fn first_not_finite(&self) -> Option<(usize, f64)> {
        match self.dtype {
            DType::F32 => self.bytes.chunks_exact(4).map(|b| f64::from(f32::get(b))).enumerate().find(|(_, v)| !v.is_finite()),
            DType::F64 => self.bytes.chunks_exact(8).map(f64::get).enumerate().find(|(_, v)| !v.is_finite()),
            DType::U64 | DType::I64 => None,
        }
    }

    /// Copies a candle tensor of type f32, f64 or i64.
    pub fn from_candle(tensor: &Tensor) -> Result<Self> {
        let flat = tensor.flatten_all().map_err(|e| candle_failed(&e))?;
        let shape = tensor.dims();
        let data = match tensor.dtype() {
            candle_core::DType::F32 => flat.to_vec1::<f32>().map(|v| Self::new(shape, &v)),
            candle_core::DType::F64 => flat.to_vec1::<f64>().map(|v| Self::new(shape, &v)),
            candle_core::DType::I64 => flat.to_vec1::<i64>().map(|v| Self::new(shape, &v)),
            other => {
                return Err(UserError::failed("tensor-type", format!("a tensor of type {} cannot be stored", other.as_str()))
                    .expected("f32, f64 or i64"));
            }
        };
        data.map_err(|e| candle_failed(&e))
    }

    /// The array as a candle tensor on the CPU; u64 has no candle type.
    pub fn to_candle(&self) -> Result<Tensor> {
        let shape = self.shape.as_slice();
        let device = &Device::Cpu;
        let tensor = match self.dtype {
            DType::F32 => Tensor::from_vec(self.values::<f32>().unwrap_or_default(), shape, device),
            DType::F64 => Tensor::from_vec(self.values::<f64>().unwrap_or_default(), shape, device),
            DType::I64 => Tensor::from_vec(self.values::<i64>().unwrap_or_default(), shape, device),
            DType::U64 => return Err(UserError::failed("tensor-type", "an array of ids (u64) is no candle tensor")),
        };
        tensor.map_err(|e| candle_failed(&e))
    }
}

/// A failure inside candle: no fault of the user's data.
pub(crate) fn candle_failed(error: &candle_core::Error) -> UserError {
    UserError::failed("tensor-library", error.to_string())
}

/// Type and shape as shown to the user: `f32[70,128]`.
pub(super) fn described(dtype: DType, shape: &[usize]) -> String {
    let extents: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("{}[{}]", dtype.name(), extents.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_returns_from_candle_bit_for_bit() {
        let values = [0.1_f32, -0.0, f32::MIN_POSITIVE / 2.0, 3e38, -7.25, 1.0];
        let data = TensorData::new(&[2, 3], &values);
        let tensor = data.to_candle().unwrap();
        assert_eq!(tensor.dims(), &[2, 3]);
        assert_eq!(TensorData::from_candle(&tensor).unwrap(), data);
        let transposed = TensorData::from_candle(&tensor.t().unwrap()).unwrap();
        assert_eq!(transposed.values::<f32>().unwrap(), [0.1, 3e38, -0.0, -7.25, f32::MIN_POSITIVE / 2.0, 1.0]);
    }

    #[test]
    fn ids_above_two_to_the_53_stay_exact() {
        let ids = [720_575_940_612_345_679_u64, u64::MAX];
        assert_eq!(TensorData::vector(&ids).values::<u64>().unwrap(), ids);
        assert!(TensorData::vector(&ids).values::<f64>().is_none());
    }
}
