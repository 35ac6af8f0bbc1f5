//! Where in a JSON document something is wrong: files of others are one line of megabytes.

/// A step on the way into a document.
enum Level {
    List(usize),
    Object(String),
}

/// The place of an error as `populations[1].parameters.tau_m[3]`; empty at the top.
pub(crate) fn place(text: &[u8], error: &serde_json::Error) -> String {
    let before: usize = text.split_inclusive(|b| *b == b'\n').take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    let end = (before + error.column()).min(text.len());
    let mut levels: Vec<Level> = Vec::new();
    let mut last = String::new();
    let mut at = 0;
    while at < end {
        match text[at] {
            b'"' => {
                let start = at + 1;
                at = start;
                while at < end && text[at] != b'"' {
                    at += if text[at] == b'\\' { 2 } else { 1 };
                }
                last = String::from_utf8_lossy(&text[start..at.min(end)]).into_owned();
            }
            b'{' => levels.push(Level::Object(String::new())),
            b'[' => levels.push(Level::List(0)),
            b'}' | b']' => drop(levels.pop()),
            b':' => {
                if let Some(Level::Object(key)) = levels.last_mut() {
                    *key = std::mem::take(&mut last);
                }
            }
            b',' => {
                if let Some(Level::List(i)) = levels.last_mut() {
                    *i += 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    let words = levels.into_iter().map(|level| match level {
        Level::List(i) => format!("[{i}]"),
        Level::Object(key) => format!(".{key}"),
    });
    words.collect::<String>().trim_start_matches('.').to_string()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Inner {
        #[expect(dead_code, reason = "only read")]
        values: Vec<u32>,
    }

    #[derive(Debug, Deserialize)]
    struct Outer {
        #[expect(dead_code, reason = "only read")]
        list: Vec<Inner>,
    }

    fn of(text: &str) -> String {
        place(text.as_bytes(), &serde_json::from_str::<Outer>(text).expect_err("wrong"))
    }

    #[test]
    fn the_place_of_a_wrong_value_is_its_path() {
        assert_eq!(of(r#"{"list": [{"values": [1]}, {"other": "a, ]\"", "values": [1, 2, 1.5, 3]}]}"#), "list[1].values[2]");
        assert_eq!(of("{\"list\": [\n{\"values\": [1]},\n{\"values\": 7}]}"), "list[1].values");
        assert_eq!(of(r#"{"list": [{"values": []}, {"x": 1}]}"#), "list[1]");
        assert_eq!(of("[]"), "");
        assert!(of(r#"{"list": [{"val"#).starts_with("list[0]"));
    }
}
