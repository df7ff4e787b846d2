//! The `frameline` program. Everything it does is in `frameline::cli`.

/// Counts allocations on hot threads, so that `steady.allocations` is a number.
#[global_allocator]
static ALLOCATOR: frameline::alloc::CountingAllocator = frameline::alloc::CountingAllocator;

#[cfg(feature = "cli")]
fn main() -> std::process::ExitCode {
    frameline::cli::main()
}

#[cfg(not(feature = "cli"))]
fn main() -> std::process::ExitCode {
    use std::io::Write;
    let _ = writeln!(
        std::io::stderr(),
        "frameline: this build has no program; build with --features cli"
    );
    std::process::ExitCode::from(2)
}
