//! Aravis's own simulator of a GigE Vision camera, as a process, in a network of its own where the system lets us
//! make one: the simulator binds the broadcast address, so that a host has place for one.

use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

const PROGRAM: &str = "arv-fake-gv-camera-0.8";

/// A running simulator; killed when dropped.
pub struct Simulator {
    child: Option<Child>,
    serial: &'static str,
    arguments: Vec<&'static str>,
}

impl Simulator {
    /// Starts one on the loopback device of the calling thread's network; a sentence says why not.
    pub fn start(serial: &'static str, arguments: &[&'static str]) -> Result<Simulator, String> {
        let mut simulator = Simulator { child: None, serial, arguments: arguments.to_vec() };
        simulator.plug()?;
        Ok(simulator)
    }

    /// None that runs.
    #[allow(dead_code)] // Of the two programs that have this file one needs it.
    pub fn none() -> Simulator {
        Simulator { child: None, serial: "", arguments: Vec::new() }
    }

    pub fn plug(&mut self) -> Result<(), String> {
        let child = Command::new(PROGRAM)
            .args(["-i", "127.0.0.1", "-s", self.serial])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("{PROGRAM} of Debian's aravis-tools does not start: {e}"))?;
        self.child = Some(child);
        Ok(())
    }

    /// Kills it in mid-packet, as a pulled plug does.
    pub fn unplug(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// The URI of its camera.
    pub fn uri(&self, query: &str) -> String {
        format!("aravis:Aravis-Fake-{}?wait=30000&{query}", self.serial)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.unplug();
    }
}

/// One test at a time: Aravis has one list of devices in a process.
static TURN: Mutex<()> = Mutex::new(());

/// Runs `body` with a simulator of that serial number, on a thread whose network is its own if the system lets us.
/// Says why not, and returns, where there is none.
pub fn with_simulator(
    serial: &'static str,
    arguments: &'static [&'static str],
    body: impl FnOnce(&mut Simulator) + Send + 'static,
) {
    if !super::is_installed() {
        return;
    }
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    super::util::watched(move || {
        own_network();
        match Simulator::start(serial, arguments) {
            Ok(mut simulator) => body(&mut simulator),
            Err(why) => println!("SKIPPED: {why}"),
        }
    });
    drop(turn);
}

/// Gives the calling thread, and those that it starts, a network with nothing but a loopback device. Without the
/// right to (root), they keep the host's.
fn own_network() {
    // SAFETY: of this thread alone, which is a test's own.
    if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
        println!("without root the simulator runs in the host's network");
        return;
    }
    let name = b"lo\0";
    // SAFETY: a socket of ours, and a request of the kernel's size with the name of the device.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(name) {
            *to = *from as libc::c_char;
        }
        libc::ioctl(socket, libc::SIOCGIFFLAGS, &mut request);
        request.ifr_ifru.ifru_flags |= libc::IFF_UP as libc::c_short;
        let done = libc::ioctl(socket, libc::SIOCSIFFLAGS, &mut request);
        libc::close(socket);
        assert_eq!(done, 0, "the loopback device does not come up");
    }
}
