//! Standard input, which is the client's, kept from the programs that this one starts.

use std::io;

use tokio::io::AsyncRead;

/// Takes standard input. What this process starts from now on, such as a profile's `credential_process`, reads nothing: the
/// SDK would let it inherit the client's messages.
///
/// # Errors
/// The operating system's.
#[cfg(unix)]
pub(super) fn take() -> io::Result<impl AsyncRead + Send + Unpin + 'static> {
    use std::{fs::File, os::fd::AsFd as _};

    let own = io::stdin().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(tokio::fs::File::from_std(File::from(own)))
}

/// Takes standard input.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub(super) fn take() -> io::Result<impl AsyncRead + Send + Unpin + 'static> {
    Ok(tokio::io::stdin())
}
