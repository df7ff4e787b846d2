//! A file tree for tests, in a folder of its own that is removed at the end.

use super::roots::Roots;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug)]
pub struct Tree(PathBuf);

impl Tree {
    pub fn new() -> Tree {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("frameline-doctor-{}-{n}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        Tree(dir)
    }

    /// The same with files.
    pub fn with(files: &[(&str, &str)]) -> Tree {
        let tree = Tree::new();
        files.iter().for_each(|(path, text)| tree.file(path, text));
        tree
    }

    pub fn file(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn link(&self, path: &str, to: &str) {
        std::os::unix::fs::symlink(to, self.0.join(path)).unwrap();
    }

    pub fn path(&self) -> &std::path::Path {
        &self.0
    }

    pub fn roots(&self) -> Roots {
        Roots::new(&self.0, &[])
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
