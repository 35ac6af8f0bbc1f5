//! sPyNNaker's configuration file.

use kenyon_base::{Result, UserError};

/// The file for a virtual board.
const VIRTUAL: &str = include_str!("spynnaker.cfg");
/// What makes the board virtual.
const VIRTUAL_BOARD: &str = "virtual_board = True";
/// Longest name of a host.
const LONGEST: usize = 253;

/// The configuration for the board at an address, or for a virtual one.
///
/// # Errors
/// Wrong usage if the address holds what no name or number of a host does.
pub(super) fn text(machine: Option<&str>) -> Result<String> {
    let Some(machine) = machine else { return Ok(VIRTUAL.into()) };
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    if machine.is_empty() || machine.len() > LONGEST || !machine.chars().all(sound) {
        return Err(UserError::usage("bad-machine", "is no address of a board")
            .found(machine)
            .expected("a host name or IP address, such as `192.168.240.253`"));
    }
    Ok(VIRTUAL.replace(VIRTUAL_BOARD, &format!("machine_name = {machine}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_replaces_the_virtual_one_and_an_address_is_nothing_else() {
        assert!(text(None).expect("fixed").contains(VIRTUAL_BOARD));
        let board = text(Some("spinn-1.example.org")).expect("a name");
        assert!(board.contains("\nmachine_name = spinn-1.example.org\n") && !board.contains("virtual_board"), "{board}");
        for evil in ["", "a b", "x\n[Mode]\nmode = Debug", "host # comment", "a;b"] {
            assert_eq!(text(Some(evil)).expect_err(evil).code(), "bad-machine");
        }
    }
}
