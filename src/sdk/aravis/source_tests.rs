//! Cameras that Aravis makes up itself. Where the library is not installed, the tests say so and pass.

use super::*;
