//! The SDK's thread of an open handle: it brings images and exceptions to callbacks, and with the real clock
//! it fills the stream's buffers when frames are due.

use crate::abi::{self, FrameOut, StreamExceptionInfo};
use crate::camera::{Camera, State};
use crate::deliver;
use crate::session::{ImageSink, Post, User};
use crate::stream::{Place, Strategy};
use std::sync::{Arc, MutexGuard};

/// Starts the thread; nothing where the system refuses it.
pub fn start(
    camera: &Arc<Camera>,
    id: usize,
    version: u32,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    let camera = Arc::clone(camera);
    std::thread::Builder::new()
        .name(format!("fakemvs {}", camera.config.serial))
        .spawn(move || run(&camera, id, version))
}

fn run(camera: &Camera, id: usize, version: u32) {
    let mut state = camera.lock();
    loop {
        let Ok(session) = state.session(id) else { return };
        if let Some(post) = session.posts.pop_front() {
            post_out(camera, state, id, post);
            state = camera.lock();
            continue;
        }
        if session.closing {
            return;
        }
        let waiting = session.stream.as_ref().is_some_and(|s| !s.queue.is_empty());
        if session.calls_back() && waiting {
            image_out(camera, state, id, version);
            state = camera.lock();
            continue;
        }
        let next = state.next_event();
        let calls_back = state.session(id).is_ok_and(|s| s.calls_back() && s.grabbing());
        state = match next {
            Some(next) if state.clock.is_virtual() && calls_back => {
                // Waiting for the next image is what moves virtual time here.
                state.clock.reach(next);
                camera.catch_up(&mut state);
                state
            }
            Some(_) if state.clock.is_virtual() => camera.wait(state, None),
            next => camera.wait(state, next),
        };
    }
}

/// Calls whoever is told of this. No lock is held meanwhile.
fn post_out(camera: &Camera, mut state: MutexGuard<'_, State>, id: usize, post: Post) {
    let Ok(session) = state.session(id) else { return };
    let (exception, usb, stream) =
        (session.exception, session.usb_stream, session.stream_exception);
    drop(state);
    match post {
        Post::Exception(code) => {
            if let Some((call, User(user))) = exception {
                // SAFETY: the caller registered this function for such calls from an SDK thread.
                unsafe { call(code, user) }
            }
        }
        Post::Stream(code) => {
            if let Some((call, User(user))) = usb {
                // SAFETY: as above.
                unsafe { call(code as i32, user) }
            }
            if let Some((call, User(user))) = stream {
                let mut info = StreamExceptionInfo {
                    serial: [0; 64],
                    stream_index: 0,
                    kind: code as i32,
                    reserved: [0; 8],
                };
                abi::put_text(&mut info.serial, &camera.config.serial);
                // SAFETY: as above; the info lives for the call.
                unsafe { call(&mut info, user) }
            }
        }
    }
}

/// Brings the next image to its callback. No lock is held meanwhile; the buffer is the callback's.
fn image_out(camera: &Camera, mut state: MutexGuard<'_, State>, id: usize, version: u32) {
    let host = state.clock.host_ms(0);
    let Ok(session) = state.session(id) else { return };
    let (sink, Some(stream)) = (session.sink, session.stream.as_mut()) else { return };
    let strategy = match session.strategy {
        Strategy::Upcoming => Strategy::LatestOnly,
        other => other,
    };
    let Some(slot) = stream.next(strategy) else { return };
    let (meta, ptr, mark) = (
        stream.slots[slot].meta,
        stream.slots[slot].memory.ptr(),
        stream.slots[slot].memory.user(),
    );
    stream.take(Place::Held);
    session.calling = true;
    drop(state);
    // SAFETY: all bytes zero is a frame out; the pointer is set below.
    let mut out: FrameOut = unsafe { std::mem::zeroed() };
    out.buf_addr = ptr;
    // SAFETY: `out` is ours.
    unsafe { deliver::describe(&mut out.info, &meta, mark, host, version) };
    let kept = match sink {
        ImageSink::Callback(call, User(user)) => {
            // SAFETY: registered for such calls; image and info live until it returns.
            unsafe { call(ptr, &mut out.info, user) };
            false
        }
        ImageSink::Callback2 { call, user: User(user), auto_free } => {
            // SAFETY: as above; where the buffer is not freed by itself it lives until it is given back.
            unsafe { call(&mut out, user, u8::from(auto_free)) };
            !auto_free
        }
        ImageSink::Pull => false,
    };
    let mut state = camera.lock();
    if let Ok(session) = state.session(id) {
        session.calling = false;
        if let (false, Some(stream)) = (kept, session.stream.as_mut()) {
            stream.give_back(ptr);
        }
    }
    drop(state);
    camera.notify();
}
