//! The relay against a server that does what a test says.
