//! A disk of a test's own, so small that it is soon full: a file system in memory, mounted for the test.
//!
//! Mounting needs a privilege that an ordinary user or a container may not have. The disk is then missing, and a line on
//! the real stderr reports this, which you see even if the test passes.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Mounts the disk, and unmounts it when stdin closes for whatever reason. The arguments are the folder and the bytes.
const HOLDER: &str = r#"
mount -t tmpfs -o "size=$2,mode=0777" dragline-test "$1" || exit 1
echo mounted
read -r order
umount -l "$1"
"#;
/// The file that fills the disk.
const BALLAST: &str = "ballast";
/// The unit of the file: a page of memory, because such a file system counts in pages.
const BALLAST_BLOCK: [u8; 4_096] = [b'x'; 4_096];

/// A disk. It is gone when dropped.
#[derive(Debug)]
pub struct SmallDisk {
    folder: TempDir,
    holder: Child,
}

impl SmallDisk {
    /// A disk of this number of bytes. `None` if nothing may be mounted, and then `what` could not be tested.
    pub fn mount(bytes: u64, what: &str) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("dragline-disk-").tempdir().expect("a temporary folder");
        let mut holder = Command::new("/bin/sh")
            .args(["-c", HOLDER, "dragline-disk"])
            .arg(folder.path())
            .arg(bytes.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the shell");
        let mut answer = String::new();
        let stdout = holder.stdout.take().expect("the shell's stdout");
        BufReader::new(stdout).read_line(&mut answer).expect("the shell's answer");
        if answer.trim() == "mounted" {
            return Some(Self { folder, holder });
        }
        let _ = holder.wait();
        let _ = writeln!(
            io::stderr(),
            "NOT TESTED: {what}. A small file system could not be mounted: run the tests as root with CAP_SYS_ADMIN."
        );
        None
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Fills the rest of the disk, to the last byte.
    pub fn fill(&self) {
        let mut ballast = File::create(self.ballast()).expect("a file on the small disk");
        let error = loop {
            if let Err(error) = ballast.write(&BALLAST_BLOCK) {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error}");
    }

    /// Frees the space that [`SmallDisk::fill`] took.
    pub fn make_room(&self) {
        fs::remove_file(self.ballast()).expect("the ballast");
    }

    /// The names of the files on it.
    pub fn files(&self) -> Vec<String> {
        let files = fs::read_dir(self.path()).expect("the small disk");
        let name = |file: io::Result<fs::DirEntry>| file.expect("a file").file_name();
        files.map(|file| name(file).to_string_lossy().into_owned()).filter(|name| name != BALLAST).collect()
    }

    fn ballast(&self) -> PathBuf {
        self.path().join(BALLAST)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Closing the pipe makes the shell unmount the disk.
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}
