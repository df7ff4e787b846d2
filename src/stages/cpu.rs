//! One kernel, compiled for the processor that every build may assume and once more for AVX2, chosen at run
//! time.
#![allow(unsafe_code)]

/// Work that is compiled for several processors. `run` must be `#[inline(always)]`: only then is its code
/// part of the function that has the features.
pub(crate) trait Kernel {
    type Out;
    fn run(self) -> Self::Out;
}

/// Runs `kernel` with the best instructions that this processor has.
///
/// # Real-time
/// Any thread. No allocation, no lock; what the processor can is looked up once in the process.
#[inline]
pub(crate) fn dispatch<K: Kernel>(kernel: K) -> K::Out {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        // SAFETY: `with_avx2` asks for nothing but a processor with AVX2, and this one has it. No code in it
        // is unsafe: it is the same safe function, compiled with more instructions to choose from.
        return unsafe { with_avx2(kernel) };
    }
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<K: Kernel>(kernel: K) -> K::Out {
    kernel.run()
}

/// What the kernels use on this machine, in a word: `avx2`, or `base` for what every build may assume.
pub fn level() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        return "avx2";
    }
    "base"
}
