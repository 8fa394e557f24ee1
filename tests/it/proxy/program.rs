//! The program itself: flags, environment, standard streams, signals.
