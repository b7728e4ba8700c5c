//! Long lists, a slice at a time: under the state's guard rows are only looked up and cloned out, so a whole list never keeps
//! the writer from moving its own rows in; what is costly about a row happens between two slices.

use super::{error::ApiError, headers::Page};

/// Most rows looked up under the guard at once.
const SLICE_ROWS: usize = 1000;

/// The rows of `page`, presented, and the id to continue after when there are more.
///
/// `look_up` gives the first rows after an id, in rising order, at most so many.
pub(super) fn collect<Row, Shown>(
    page: Page,
    mut look_up: impl FnMut(u64, usize) -> Vec<(u64, Row)>,
    mut present: impl FnMut(u64, Row) -> Result<Shown, ApiError>,
) -> Result<(Vec<Shown>, Option<u64>), ApiError> {
    let wanted = page.limit.unwrap_or(usize::MAX);
    let mut shown = Vec::new();
    let mut after = page.after.unwrap_or(0);
    loop {
        let asked = SLICE_ROWS.min(wanted - shown.len());
        // One row more than asked for tells whether there are more.
        let mut rows = look_up(after, asked + 1);
        let more = rows.len() > asked;
        rows.truncate(asked);
        for (id, row) in rows {
            shown.push(present(id, row)?);
            after = id;
        }
        if !more {
            return Ok((shown, None));
        }
        if shown.len() == wanted {
            return Ok((shown, Some(after)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page that ended with both the list and a slice named a next page, which was empty.
    #[test]
    fn pages_cover_every_list_once_and_the_last_names_no_next() {
        for rows in [0, 1, 2, 999, 1000, 1001, 2000, 2001, 2500_u64] {
            for limit in [None, Some(1), Some(7), Some(500), Some(999), Some(1000)] {
                let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
                loop {
                    let look_up =
                        |after: u64, most: usize| (after + 1..=rows).take(most).map(|id| (id, ())).collect();
                    let page = Page { limit, after };
                    let (shown, next) = collect(page, look_up, |id, ()| Ok(id)).expect("nothing to refuse");
                    assert!(limit.is_none_or(|limit| shown.len() <= limit), "{rows} {limit:?}");
                    seen.extend(shown);
                    pages += 1;
                    let Some(next) = next else { break };
                    after = Some(next);
                }
                assert_eq!(seen, (1..=rows).collect::<Vec<_>>(), "{rows} {limit:?}");
                let expected = limit.map_or(1, |limit| rows.div_ceil(limit as u64).max(1));
                assert_eq!(pages, expected, "{rows} {limit:?}");
            }
        }
    }
}
