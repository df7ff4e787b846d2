//! Functions for tests: what is simulated, cameras that go and come, counts.

use crate::entry::{enter, text};
use crate::world::World;
use std::ffi::c_char;

/// 0, or -1 with the reason kept for `GCGetLastError`.
fn told(w: &mut World, done: Result<(), String>) -> i32 {
    match done {
        Ok(()) => {
            w.why.clear();
            0
        }
        Err(why) => {
            w.why = why;
            -1
        }
    }
}

macro_rules! control {
    ($($(#[$doc:meta])* fn $name:ident($w:ident, $text:ident) $body:block)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// The text is null or a C string.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($text: *const c_char) -> i32 {
            // SAFETY: the caller's promise.
            let $text = unsafe { text($text) }.unwrap_or_default();
            enter(stringify!($name), false, |$w| $body)
        }
    )*};
}

control! {
    /// Replaces cameras, script and counts; what is open dies.
    fn fakegentl_configure(w, text) {
        let done = w.configure(&text);
        told(w, done)
    }

    /// Replaces the fault script.
    fn fakegentl_script(w, text) {
        let done = w.follow(&text);
        told(w, done)
    }

    /// The camera of that serial number, or all, loses its power.
    fn fakegentl_unplug(w, serial) {
        w.named(&serial).for_each(|c| c.lose());
        0
    }

    /// It comes back, as the factory set it.
    fn fakegentl_plug(w, serial) {
        w.named(&serial).filter(|c| !c.is_present).for_each(|c| c.plug());
        0
    }

    /// A pulse on its trigger line.
    fn fakegentl_trigger(w, serial) {
        for c in w.named(&serial).filter(|c| c.settings.trigger_mode != 0 && c.acquires) {
            c.triggers += 1;
        }
        0
    }

    /// How often a function was called.
    fn fakegentl_calls(w, function) {
        w.calls.get(&function).map_or(0, |n| i32::try_from(*n).unwrap_or(i32::MAX))
    }

    /// Writes a register of every camera, `ADDRESS VALUE`, as another program would: nothing is locked.
    fn fakegentl_poke(w, text) {
        let word = |n: usize| text.split_whitespace().nth(n).and_then(|t| t.parse::<u32>().ok());
        let (Some(at), Some(value)) = (word(0), word(1)) else { return -1 };
        let mut done = 0;
        for c in &mut w.cameras {
            let was = std::mem::replace(&mut c.config.loose, true);
            done = done.min(c.write(at.into(), &value.to_le_bytes()));
            c.config.loose = was;
        }
        done
    }
}
