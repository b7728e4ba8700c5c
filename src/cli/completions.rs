//! `authledger completions`: completions for a shell.

use super::Exit;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// For which shell
    shell: clap_complete::Shell,
}

impl Completions {
    pub(super) fn run(self, command: &mut clap::Command) -> Exit {
        clap_complete::generate(self.shell, command, "authledger", &mut std::io::stdout());
        Exit::Done
    }
}
