//! `?asOf=` on a GET of one object: who may see the object now may see what it was. Permission by the present state,
//! contents by the past, secrets never, and nothing is recorded (DESIGN 7).

use axum::{http::StatusCode, response::Response};
use events::{
    envelope::{Stream, StreamKind},
    id::TenantId,
    sealed::{Field, Sealed},
    time::Timestamp,
};
use projections::State;
use serde::Serialize;

use super::{
    answer::answer,
    asking::{Asking, fault},
    error::{ApiError, Fault},
    headers::{LEDGER_SEQUENCE, ledger_sequence},
};
use crate::{
    ledger::{
        live::Position,
        past::{Moment, PastError},
    },
    vault::{PlainSecret, Vault, VaultError},
};

const AS_OF: &str = "asOf";
const SPELLING: &str = "must be a sequence such as 42, or a time such as 2026-11-20T18:30:00Z";
const NOT_YET: &str = "names a moment that has not come yet";
/// How many events that is, [`crate::ledger::access::EVENTS_MAX`] says.
const TOO_LONG: &str = "names somebody whose history, with that of his roles and of the tenant, is longer than the 10,000 \
    events that are looked at for one answer; read these histories one by one";
/// Stands where something was whose key has been destroyed since.
const ERASED: &str = "erased";

/// A row as it was at a moment.
#[derive(Debug)]
pub struct Then<Row> {
    /// The row.
    pub row: Row,
    /// When: what ends by itself is judged by this.
    pub at: Timestamp,
    last: Position,
}

impl<Row> Then<Row> {
    /// 200 with the object as it was. No `ETag`, for nothing can be compared with what is over; `Ledger-Sequence` names the
    /// last event that is in it.
    pub fn shown(&self, body: &impl Serialize) -> Response {
        let mut response = answer(StatusCode::OK, body);
        response.headers_mut().insert(LEDGER_SEQUENCE, ledger_sequence(self.last.epoch, self.last.sequence));
        response
    }
}

impl Asking {
    /// `?asOf=`, when it is there; a moment that has not come yet is refused.
    pub fn as_of(&mut self) -> Result<Option<Moment>, ApiError> {
        let Some(text) = self.query.text(AS_OF) else { return Ok(None) };
        let bad = |problem| ApiError::BadParameter(AS_OF.to_owned(), problem);
        // A plus sign that was not percent-encoded arrives as a space.
        let moment = text.parse().or_else(|_| text.replace(' ', "+").parse()).map_err(|_| bad(SPELLING))?;
        let ledger = self.app().ledger();
        let come = match moment {
            Moment::Sequence(sequence) => sequence.0 < ledger.size(),
            // Stamps never go back, and so may be ahead of a clock that did.
            Moment::Time(time) => {
                let stamped =
                    ledger.read(|view| view.state.log.position.get(&()).map(|last| last.recorded_at));
                time <= self.app().clock().now() || stamped.is_some_and(|stamped| time <= stamped)
            }
        };
        if come { Ok(Some(moment)) } else { Err(bad(NOT_YET)) }
    }

    /// What `row` finds in the state that the events of `stream` up to `moment` add up to. The state knows that stream
    /// alone, and lists and indexes over other objects are empty in it.
    pub async fn row_at<Row>(
        &self,
        stream: Stream,
        moment: Moment,
        row: impl FnOnce(&State<'_>) -> Option<Row>,
    ) -> Result<Option<Then<Row>>, ApiError> {
        let past = self.app().ledger().state_at(stream, moment).await.map_err(not_seen)?;
        Ok(past.and_then(|past| Some(Then { row: row(&past.state)?, at: past.at, last: past.last })))
    }

    /// Whether the caller himself, whoever he acts for, audits `tenant`: then he may see what is gone there.
    pub fn audits(&self, tenant: TenantId) -> bool {
        self.app().ledger().read(|view| self.caller_now(view).is_some_and(|caller| caller.audits(tenant)))
    }
}

/// A failure to look back, as HTTP.
pub(super) fn not_seen(error: PastError) -> ApiError {
    match error {
        PastError::Busy => ApiError::Busy,
        PastError::TooLong(_) => ApiError::BadParameter("user".to_owned(), TOO_LONG),
        PastError::NotReached(_) => ApiError::BadParameter(AS_OF.to_owned(), NOT_YET),
        PastError::Store(_) => ApiError::Storage(Fault::new(error)),
        PastError::Leaf { .. } | PastError::Astray(_) | PastError::GivenUp | PastError::Fault => {
            ApiError::Internal(Fault::new(error))
        }
    }
}

/// Opens text that an object had; what was erased since says so.
pub fn open_text_then(
    vault: &Vault,
    sealed: Option<&Sealed>,
    kind: StreamKind,
    field: Field,
) -> Result<Option<PlainSecret>, ApiError> {
    match sealed.map(|sealed| vault.unseal_text(sealed, kind, field)) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(VaultError::Erased { .. })) => Ok(Some(PlainSecret::from(ERASED))),
        Some(Err(error)) => Err(fault(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::store::StoreError;

    #[test]
    fn who_can_not_look_back_hears_whether_to_try_again() {
        for (error, status) in [
            (PastError::Busy, 503),
            (PastError::Store(StoreError::Closed), 503),
            (PastError::NotReached(events::id::Sequence(7)), 400),
            (PastError::Fault, 500),
        ] {
            let shown = format!("{error}");
            assert_eq!(not_seen(error).status().as_u16(), status, "{shown}");
        }
    }
}
