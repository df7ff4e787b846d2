//! Aravis's own simulator of a GigE Vision camera, as a process.
