//! The real program, in a folder and an environment of its own.

mod commands;
mod serve;
mod settings;
