//! Makes glibc give freed memory back to the system.
//!
//! glibc keeps a large block in a mapping of its own, which goes back to the system when it is freed. But each time, glibc also
//! raises the size that it calls large, up to 32 MiB. So after the first page of 12 MiB, blocks of this size come from the heap,
//! and glibc keeps up to twice as much unused. A crawl that meets a few large pages holds this memory until it ends.
//!
//! [`give_back_large_blocks`] fixes both limits. It changes the whole process, so only a program calls it, and no library.

/// A block of at least this size has a mapping of its own. The texts and tables of ordinary pages are smaller. With a limit of 1 MiB,
/// mappings made a crawl of documentation take 5 % more processor time.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE_BYTES: i32 = 4 << 20;

/// How much unused memory stays at the end of the heap.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const UNUSED_BYTES: i32 = 8 << 20;

/// Fixes the limits of glibc's allocator. If the environment sets one of them, it does nothing, so that you can try others:
/// `MALLOC_MMAP_THRESHOLD_`, `MALLOC_TRIM_THRESHOLD_`, `GLIBC_TUNABLES`. Other allocators are left as they are.
pub fn give_back_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if !is_set_by_hand() {
        for (parameter, bytes) in
            [(libc::M_MMAP_THRESHOLD, LARGE_BYTES), (libc::M_TRIM_THRESHOLD, UNUSED_BYTES)]
        {
            // SAFETY: mallopt takes two numbers and changes settings of the allocator, under the allocator's own lock. Nothing
            // that is allocated changes. It refuses a value by returning 0, and then all stays as it was.
            #[expect(unsafe_code, reason = "glibc offers no other way for a process that runs already")]
            unsafe {
                libc::mallopt(parameter, bytes);
            }
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn is_set_by_hand() -> bool {
    ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"]
        .into_iter()
        .any(|name| std::env::var_os(name).is_some())
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    /// The resident memory of this process, in bytes.
    fn resident() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
    }

    #[test]
    fn large_blocks_go_back_also_after_others_were_freed() {
        const BLOCK: usize = 24 << 20;
        give_back_large_blocks();
        for _ in 0..4 {
            drop(vec![1_u8; BLOCK]);
        }
        let before = resident();
        // The small block is allocated last, so that the large ones are not at the end of the heap.
        let large: Vec<Vec<u8>> = (0..4).map(|_| vec![1_u8; BLOCK]).collect();
        let small = vec![1_u8; 100_000];
        assert!(resident() > before + 3 * BLOCK);
        drop(large);
        assert!(resident() < before + BLOCK, "{} after {before}", resident());
        drop(small);
    }
}
