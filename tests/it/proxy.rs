//! `proxy ENDPOINT`: the relay in process over a pair of streams, and the program itself.

mod eras;
mod faults;
mod program;
mod relaying;
mod retries;
mod talk;
mod tls;
mod tools;
mod words;
