//! Real packets over real sockets.
