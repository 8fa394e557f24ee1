//! Collecting the pages of a list: all of them, until a limit, and then a cursor that goes on from there.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use super::OpError;

/// How many items a list holds when the call does not say.
const DEFAULT_ITEMS: u32 = 1000;
/// How many a call may ask for.
const MOST_ITEMS: u32 = 10_000;

/// One page as AWS sent it.
#[derive(Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next one begins; `None` on the last.
    pub next: Option<String>,
}

/// Collects pages.
#[derive(Debug)]
pub struct Pager {
    wanted: usize,
    token: Option<String>,
    bytes: usize,
    until: Option<Instant>,
}

impl Pager {
    /// Up to `max_results` items from `next_token` on, as long as they take no more than `bytes` of JSON.
    pub fn new(max_results: Option<u32>, next_token: Option<String>, bytes: usize) -> Self {
        let wanted = max_results.unwrap_or(DEFAULT_ITEMS).clamp(1, MOST_ITEMS) as usize;
        Self {
            wanted,
            token: next_token,
            bytes,
            until: None,
        }
    }

    /// The same, for a call that must have answered by then: pages may be empty, and many.
    #[must_use]
    pub fn until(self, until: Option<Instant>) -> Self {
        Self { until, ..self }
    }

    /// Fetches pages with `fetch(token, size)`, none larger than `page` items, and none beyond the limit, so that AWS's own
    /// token is the cursor.
    ///
    /// # Errors
    /// What `fetch` said. A token that leads back to itself is an error, not an endless loop.
    pub async fn collect<T: Serialize, F: Future<Output = Result<Page<T>, OpError>>>(
        self,
        page: usize,
        fetch: impl Fn(Option<String>, i32) -> F,
    ) -> Result<Page<T>, OpError> {
        let (mut items, mut token, mut bytes) = (Vec::new(), self.token, 0);
        loop {
            let size = page.min(self.wanted - items.len());
            let got = fetch(token.clone(), i32::try_from(size).unwrap_or(i32::MAX)).await?;
            if got.next.is_some() && got.next == token {
                return Err(OpError::internal("AWS sent the same page token twice"));
            }
            bytes += got.items.iter().map(size_of_json).sum::<usize>();
            items.extend(got.items);
            token = got.next;
            // An average page more must still fit: a result that had to be cut inside a page would have no cursor.
            let fits = items.is_empty() || bytes + bytes / items.len() * page <= self.bytes;
            let late = self.until.is_some_and(|until| Instant::now() >= until);
            if token.is_none() || items.len() >= self.wanted || !fits || late {
                return Ok(Page { items, next: token });
            }
        }
    }
}

fn size_of_json<T: Serialize>(item: &T) -> usize {
    serde_json::to_vec(item).map_or(0, |json| json.len())
}

/// A cursor of several parts as one opaque token.
pub fn pack<T: Serialize>(parts: &T) -> Result<String, OpError> {
    serde_json::to_vec(parts)
        .map(|json| BASE64_URL_SAFE_NO_PAD.encode(json))
        .map_err(OpError::internal)
}

/// The parts of a token that [`pack`] made.
///
/// # Errors
/// A token from somewhere else.
pub fn unpack<T: DeserializeOwned>(token: &str) -> Result<T, OpError> {
    let json = BASE64_URL_SAFE_NO_PAD.decode(token).ok();
    json.and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(|| OpError::InvalidInput("next_token is not one that this tool gave".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from 0 to `total`, at most `size` a page, as AWS would page them.
    async fn numbers(total: usize, token: Option<String>, size: i32) -> Result<Page<usize>, OpError> {
        let from: usize = token.map_or(0, |t| t.parse().unwrap());
        let to = total.min(from + usize::try_from(size).unwrap());
        Ok(Page {
            items: (from..to).collect(),
            next: (to < total).then(|| to.to_string()),
        })
    }

    #[tokio::test]
    async fn all_pages_come_until_the_limit_and_then_a_cursor() {
        let all = Pager::new(None, None, usize::MAX)
            .collect(100, |t, n| numbers(250, t, n))
            .await
            .unwrap();
        assert_eq!((all.items.len(), all.next), (250, None));
        let some = Pager::new(Some(130), None, usize::MAX)
            .collect(100, |t, n| numbers(250, t, n))
            .await
            .unwrap();
        assert_eq!((some.items.len(), some.next.as_deref()), (130, Some("130")));
        let rest = Pager::new(None, some.next, usize::MAX)
            .collect(100, |t, n| numbers(250, t, n))
            .await
            .unwrap();
        assert_eq!(
            (rest.items.first(), rest.items.len(), rest.next),
            (Some(&130), 120, None)
        );
    }

    #[tokio::test]
    async fn a_large_list_stops_at_a_page_within_the_byte_limit() {
        let cut = Pager::new(None, None, 1500)
            .collect(100, |t, n| numbers(10_000, t, n))
            .await
            .unwrap();
        let bytes: usize = cut.items.iter().map(size_of_json).sum();
        assert!(
            bytes <= 1500 && cut.items.len() >= 200 && cut.next == Some(cut.items.len().to_string()),
            "{bytes} {}",
            cut.items.len()
        );
    }

    #[tokio::test]
    async fn a_token_that_repeats_is_no_endless_loop() {
        let same = |_, _| async {
            Ok(Page {
                items: vec![1],
                next: Some("x".to_owned()),
            })
        };
        assert!(Pager::new(None, None, usize::MAX).collect(10, same).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_whose_time_is_up_has_a_cursor_though_it_is_empty() {
        let empty = |token: Option<String>, _| async move {
            tokio::time::advance(std::time::Duration::from_secs(10)).await;
            let next = token.map_or(1, |t| t.parse::<u32>().unwrap() + 1);
            Ok(Page::<u8> {
                items: Vec::new(),
                next: Some(next.to_string()),
            })
        };
        let until = Instant::now() + std::time::Duration::from_secs(35);
        let pager = Pager::new(None, None, usize::MAX).until(Some(until));
        let cut = pager.collect(10, empty).await.unwrap();
        assert_eq!((cut.items.len(), cut.next.as_deref()), (0, Some("4")));
    }

    #[test]
    fn foreign_tokens_are_refused() {
        assert_eq!(
            unpack::<(String, u8)>(&pack(&("a", 1)).unwrap()).unwrap(),
            ("a".to_owned(), 1)
        );
        assert!(unpack::<(String, u8)>("%%%").is_err());
    }
}
