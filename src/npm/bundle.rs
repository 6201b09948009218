//! One file of a package, in memory.

use std::io::Write;
use std::sync::OnceLock;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// A file as it is sent.
#[derive(Debug)]
pub struct Bundle {
    content_type: &'static str,
    plain: Bytes,
    /// The file in gzip (RFC 1952), made once; `None` inside where that is not shorter.
    gzip: OnceLock<Option<Bytes>>,
    version: String,
}

impl Bundle {
    pub(super) fn new(content_type: &'static str, plain: Bytes) -> Self {
        let sum = digest(&SHA256, &plain);
        let version = sum.as_ref().iter().take(VERSION_BYTES).map(|byte| format!("{byte:02x}")).collect();
        Self { content_type, plain, gzip: OnceLock::new(), version }
    }

    /// Its content type.
    pub const fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// The file itself.
    pub const fn plain(&self) -> &Bytes {
        &self.plain
    }

    /// 32 hexadecimal digits, which differ from those of any other content.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The file in gzip, where it was compressed before and is shorter so: `Some(None)` means that it is not, and `None`
    /// that [`Self::compress`] has to be called.
    pub fn compressed(&self) -> Option<Option<&Bytes>> {
        if self.plain.len() < WORTH_IT {
            return Some(None);
        }
        self.gzip.get().map(Option::as_ref)
    }

    /// Compresses the file, which takes milliseconds for each 100 KiB: for threads that may block.
    pub fn compress(&self) {
        self.gzip.get_or_init(|| {
            let mut encoder = GzEncoder::new(Vec::with_capacity(self.plain.len() / 3), Compression::default());
            let written = encoder.write_all(&self.plain).and_then(|()| encoder.finish());
            written.ok().filter(|gzip| gzip.len() < self.plain.len()).map(Bytes::from)
        });
    }
}

const VERSION_BYTES: usize = 16;
/// Below this size in bytes compression saves less than a packet.
const WORTH_IT: usize = 1024;

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn a_file_is_compressed_once_and_only_where_that_is_shorter() {
        let text = Bytes::from("window.Clerk = {}; ".repeat(400));
        let bundle = Bundle::new("text/javascript", text.clone());
        assert_eq!(bundle.compressed(), None);
        bundle.compress();
        let gzip = bundle.compressed().flatten().expect("it is shorter").clone();
        assert!(gzip.len() < text.len() / 10, "{}", gzip.len());
        let mut again = Vec::new();
        GzDecoder::new(&gzip[..]).read_to_end(&mut again).expect("gzip");
        assert_eq!(again, text);

        let small = Bundle::new("text/javascript", Bytes::from_static(b"1"));
        assert_eq!(small.compressed(), Some(None));
        assert_ne!(small.version(), bundle.version());
        assert_eq!(small.version().len(), 32);
    }
}
