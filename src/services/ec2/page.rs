//! EC2's pages: none may be smaller than five, so a list that is cut sooner goes on inside one.

use crate::ops::{
    OpError, Page,
    page::{pack, unpack},
};

/// The smallest page that EC2 gives.
const SMALLEST: i32 = 5;

/// Where a list goes on: AWS's token, how many items of its page were shown, and how large that page is.
type Cursor = (Option<String>, usize, i32);

/// A page of `size` items at most, from the cursor on.
pub(super) async fn cut<T, F: Future<Output = Result<Page<T>, OpError>>>(
    cursor: Option<String>,
    size: i32,
    fetch: impl Fn(Option<String>, i32) -> F,
) -> Result<Page<T>, OpError> {
    let (token, skip, before): Cursor = match cursor {
        Some(cursor) => unpack(&cursor)?,
        None => (None, 0, 0),
    };
    // What is skipped is known by its place in a page of that very size.
    let page = if skip > 0 { before } else { size.max(SMALLEST) };
    let got = fetch(token.clone(), page).await?;
    let most = usize::try_from(size).unwrap_or(usize::MAX);
    let left = got.items.len().saturating_sub(skip);
    let next: Option<Cursor> = match got.next {
        _ if left > most => Some((token, skip + most, page)),
        Some(next) => Some((Some(next), 0, 0)),
        None => None,
    };
    Ok(Page {
        items: got.items.into_iter().skip(skip).take(most).collect(),
        next: next.map(|cursor| pack(&cursor)).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seven numbers, in pages as EC2 would give them.
    async fn numbers(token: Option<String>, size: i32) -> Result<Page<usize>, OpError> {
        assert!(size >= SMALLEST, "EC2 refuses {size}");
        let from: usize = token.map_or(0, |t| t.parse().unwrap());
        let to = 7.min(from + usize::try_from(size).unwrap());
        Ok(Page {
            items: (from..to).collect(),
            next: (to < 7).then(|| to.to_string()),
        })
    }

    #[tokio::test]
    async fn small_pages_are_parts_of_larger_ones() {
        for sizes in [[1; 7], [3; 7], [5; 7], [2, 9, 9, 9, 9, 9, 9], [1000; 7]] {
            let (mut all, mut cursor) = (Vec::new(), None);
            for size in sizes {
                let page = cut(cursor, size, numbers).await.unwrap();
                assert!(page.items.len() <= usize::try_from(size).unwrap());
                all.extend(page.items);
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!((all, cursor), ((0..7).collect(), None), "{sizes:?}");
        }
        assert!(cut(Some("x".to_owned()), 1, numbers).await.is_err());
    }
}
