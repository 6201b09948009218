//! Reads a side of a copy from its beginning to its end.

use aws_lc_rs::digest::{Context, SHA256};

use super::error::CopyError;
use super::side::Side;
use super::summary::CopySummary;

/// Reads everything on a side, and tells how many keys it has read.
pub(super) async fn summary(side: &Side, tell: &mut (dyn FnMut(u64) + Send)) -> Result<CopySummary, CopyError> {
    let mut context = Context::new(&SHA256);
    let mut summary = CopySummary { keys: 0, bytes: 0, unopened: 0, digest: [0; 32] };
    let mut page = side.page(&[]).await?;
    while let Some((last, _)) = page.last() {
        let next = side.page(last).await?;
        for (key, value) in &page {
            summary.add(&mut context, key, value);
        }
        tell(summary.keys);
        page = next;
    }
    summary.digest.copy_from_slice(context.finish().as_ref());
    Ok(summary)
}
