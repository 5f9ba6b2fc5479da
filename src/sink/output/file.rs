//! One file, locked against a second writer.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::Output;

/// A file that the sink appends to.
///
/// The file is locked (advisory) for as long as it is open, so that two sinks cannot mix their
/// records. `sync` is `fdatasync` or what the platform has for it.
///
/// | The file | [`create`](Self::create) | [`append`](Self::append) | [`replace`](Self::replace) |
/// |---|---|---|---|
/// | does not exist | made | made | made |
/// | exists | [`OpenError::Exists`] | continued | emptied |
///
/// # Examples
///
/// ```
/// use brigade::sink::{FileOutput, OpenError, OrderedSink, Text};
///
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("numbers.tsv");
/// drop(FileOutput::create(&path)?);
/// assert!(matches!(FileOutput::create(&path), Err(OpenError::Exists { .. })));
/// drop(FileOutput::append(&path)?);
///
/// std::fs::write(&path, "what an earlier run left")?;
/// let sink = OrderedSink::builder(Text::new(), FileOutput::replace(&path)?).build()?;
/// sink.producer("chef")?.push(7)?;
/// assert_eq!(sink.finish()?.bytes, std::fs::metadata(&path)?.len());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FileOutput {
    file: File,
    path: PathBuf,
    /// Whether the directory is known to list the file after a loss of power.
    listed: bool,
}

/// Why a file cannot become an output. Nothing was changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The file exists, and it was not said to append to it or to replace it.
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The path names a directory.
    Directory {
        /// The directory.
        path: PathBuf,
    },
    /// Another sink holds the file.
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists { path } => write!(
                f,
                "{} exists; append to it, replace it, or choose another path",
                path.display()
            ),
            Self::Directory { path } => {
                write!(f, "{} is a directory; name a file inside it", path.display())
            }
            Self::InUse { path } => write!(
                f,
                "{} is locked by another writer; wait for it to finish or choose another path",
                path.display()
            ),
            Self::Io { path, source } => {
                write!(f, "{} cannot be opened for writing: {source}", path.display())
            }
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl FileOutput {
    /// Makes a new file.
    ///
    /// # Errors
    ///
    /// [`OpenError::Exists`] if there is one, and as [`append`](Self::append).
    pub fn create(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open(path.as_ref(), OpenOptions::new().create_new(true))
    }

    /// Opens a file to continue it, or makes it.
    ///
    /// The sink removes a torn tail, keeps every whole record, and goes on after the last stamp.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if the path is a directory, is locked by another sink, or cannot be written.
    pub fn append(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open(path.as_ref(), OpenOptions::new().create(true))
    }

    /// Opens a file and empties it, or makes it.
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append). A file that is locked by another sink is not emptied.
    pub fn replace(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let mut output = Self::append(path)?;
        match output.len().and_then(|len| if len > 0 { output.truncate(0) } else { Ok(()) }) {
            Ok(()) => Ok(output),
            Err(source) => Err(OpenError::Io { path: output.path, source }),
        }
    }

    /// The path it was opened with.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn open(path: &Path, options: &mut OpenOptions) -> Result<Self, OpenError> {
        let owned = || path.to_path_buf();
        if path.is_dir() {
            return Err(OpenError::Directory { path: owned() });
        }
        let opened = options.read(true).write(true).open(path);
        let mut file = opened.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => OpenError::Exists { path: owned() },
            io::ErrorKind::IsADirectory => OpenError::Directory { path: owned() },
            _ => OpenError::Io { path: owned(), source },
        })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path: owned() }),
            // Some file systems have no locks; the file is as good without.
            Err(TryLockError::Error(source)) if source.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(source)) => {
                return Err(OpenError::Io { path: owned(), source });
            }
        }
        let regular = file.metadata().is_ok_and(|about| about.is_file());
        if regular {
            file.seek(SeekFrom::End(0))
                .map_err(|source| OpenError::Io { path: owned(), source })?;
        }
        Ok(Self { file, path: owned(), listed: !regular })
    }

    /// A new file is only as durable as its name.
    #[cfg(unix)]
    fn list(&mut self) -> io::Result<()> {
        if !self.listed {
            let parent = match self.path.parent() {
                Some(parent) if parent != Path::new("") => parent,
                _ => Path::new("."),
            };
            File::open(parent)?.sync_all()?;
            self.listed = true;
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn list(&mut self) -> io::Result<()> {
        self.listed = true;
        Ok(())
    }
}

impl Output for FileOutput {
    fn len(&self) -> io::Result<u64> {
        // A pipe or a terminal has no length, and no content to continue.
        let about = self.file.metadata()?;
        Ok(if about.is_file() { about.len() } else { 0 })
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, into, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.file, into, offset)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.list()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.file.seek(SeekFrom::Start(len)).map(drop)
    }
}
