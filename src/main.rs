//! The `kenyon` command.

fn main() -> std::process::ExitCode {
    kenyon::cli::main()
}
