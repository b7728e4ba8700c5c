//! What leaves, when, and that it makes no difference whether it leaves at once.

use events::{
    chain::ChainHash,
    envelope::{Actor, Envelope, Header, Stream, StreamKind},
    event::Event,
    grant::{AuthenticationMethod, AuthorizationCodeIssued},
    id::{ClientApplicationId, CommandId, Epoch, FamilyId, LedgerId, SYSTEM_TENANT, ScopeSetId, Sequence},
    scope::ScopeSetDefined,
    sorted::SortedVec,
    time::Timestamp,
    token::{AccessTokenIssued, IssuedAccessToken, TokenHash, TokensIssued},
};
use proptest::prelude::*;

use crate::State;

const START: Timestamp = Timestamp(1_795_199_400_000_000);
const CLIENT: ClientApplicationId = ClientApplicationId(4);

/// A log that only numbers and stamps.
struct Book {
    next: u64,
}

impl Book {
    fn write(&mut self, at_secs: i64, kind: StreamKind, event: impl Into<Event>) -> Envelope {
        let sequence = Sequence(self.next);
        self.next += 1;
        let header = Header {
            ledger_id: LedgerId([1; 16]),
            epoch: Epoch(1),
            sequence,
            recorded_at: START.saturating_add_secs(at_secs),
            tenant: SYSTEM_TENANT,
            stream: Stream::new(kind, 4),
            stream_version: sequence.0,
            stream_previous: None,
            actor: Actor::ClientApplication(CLIENT),
            command_id: CommandId([0; 16]),
            command_index: 0,
            command_count: 1,
            previous_hash: ChainHash::ZERO,
            on_behalf_of: None,
            idempotency: None,
            origin: None,
        };
        Envelope { header, event: event.into() }
    }
}

fn hash(number: u64) -> TokenHash {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    TokenHash(bytes)
}

fn access(number: u64, until_secs: i64) -> IssuedAccessToken {
    IssuedAccessToken { hash: hash(number), expires_at: START.saturating_add_secs(until_secs) }
}

fn alone(number: u64, until_secs: i64) -> AccessTokenIssued {
    AccessTokenIssued {
        scope_set: ScopeSetId(1),
        access: access(number, until_secs),
        family: None,
        refresh_until: None,
        run_as: None,
    }
}

fn with_refresh(family: u64, refresh: bool, until_secs: Option<i64>) -> TokensIssued {
    TokensIssued {
        client: CLIENT,
        family: FamilyId(family),
        scope_set: ScopeSetId(1),
        access: access(family, 600),
        refresh: refresh.then(|| hash(family + 100)),
        refresh_until: until_secs.map(|secs| START.saturating_add_secs(secs)),
    }
}

fn nothing_in_particular() -> ScopeSetDefined {
    ScopeSetDefined { id: ScopeSetId(1), scopes: SortedVec::default(), audience: SortedVec::default() }
}

#[test]
fn an_access_token_leaves_an_hour_after_its_end_and_not_a_second_before() {
    let (mut book, mut state) = (Book { next: 0 }, State::default());
    state.apply(&book.write(0, StreamKind::CLIENT_TOKENS, alone(1, 600)));
    for (secs, left) in [(600, 1), (600 + 3_599, 1), (600 + 3_600, 0)] {
        state.apply(&book.write(secs, StreamKind::LEDGER, nothing_in_particular()));
        assert_eq!(state.tokens.access.all().count(), left, "{secs} s");
        assert_eq!(state.tokens.access_by_end.all().count(), left, "{secs} s");
    }
}

#[test]
fn a_code_is_kept_for_ten_minutes_spent_or_not() {
    let (mut book, mut state) = (Book { next: 0 }, State::default());
    let code = AuthorizationCodeIssued {
        code: hash(9),
        redirect_uri: None,
        challenge: None,
        scope_set: ScopeSetId(1),
        expires_at: START.saturating_add_secs(60),
        authenticated_at: START,
        method: AuthenticationMethod::LoginPage,
    };
    state.apply(&book.write(0, StreamKind::GRANT, code));
    for (secs, left) in [(659, 1), (660, 0)] {
        state.apply(&book.write(secs, StreamKind::LEDGER, nothing_in_particular()));
        assert_eq!(state.tokens.codes.all().count(), left, "{secs} s");
        assert_eq!(state.tokens.codes_by_end.all().count(), left, "{secs} s");
    }
}

#[test]
fn a_family_leaves_with_the_last_of_its_tokens_and_one_without_an_end_stays() {
    let (mut book, mut state) = (Book { next: 0 }, State::default());
    state.apply(&book.write(0, StreamKind::GRANT, with_refresh(1, false, None)));
    state.apply(&book.write(0, StreamKind::GRANT, with_refresh(2, true, Some(60))));
    state.apply(&book.write(0, StreamKind::GRANT, with_refresh(3, true, Some(9_000))));
    state.apply(&book.write(0, StreamKind::GRANT, with_refresh(4, true, None)));
    let year = 365 * 86_400;
    for (secs, left) in [
        (600 + 3_599, vec![1, 2, 3, 4]),
        (600 + 3_600, vec![3, 4]),
        (9_000 + 3_600, vec![4]),
        (year, vec![4]),
    ] {
        state.apply(&book.write(secs, StreamKind::LEDGER, nothing_in_particular()));
        let families: Vec<u64> = state.tokens.families.all().map(|(id, _)| id.0).collect();
        assert_eq!(families, left, "{secs} s");
        assert_eq!(state.tokens.of_grant.all().count(), left.len(), "{secs} s");
        assert_eq!(state.tokens.of_client.all().count(), left.len(), "{secs} s");
    }
}

proptest! {
    /// Whether tokens leave with their batch or in slices after it, the same rows are left.
    #[test]
    fn slices_leave_what_a_whole_leaves(
        tokens in prop::collection::vec((1i64..20_000, 60i64..4_000), 1..80),
        batch in 1usize..9,
        most in 0usize..6,
    ) {
        let mut tokens = tokens;
        tokens.sort_unstable();
        let mut book = Book { next: 0 };
        let log: Vec<Envelope> = (0..)
            .zip(&tokens)
            .map(|(number, (at, lives))| book.write(*at, StreamKind::CLIENT_TOKENS, alone(number, at + lives)))
            .collect();
        let mut direct = State::default();
        let mut sliced = State::default();
        for events in log.chunks(batch) {
            let mut layer = sliced.layer();
            for envelope in events {
                direct.apply(envelope);
                layer.apply(envelope);
            }
            let mut changes = layer.into_changes();
            let mut retired = changes.take_retired(most);
            sliced.absorb(changes);
            while !retired.is_empty() {
                sliced.drop_retired(&mut retired, most.max(1));
            }
            prop_assert_eq!(sliced.digest(), direct.digest());
            let ends = |state: &State<'_>| state.tokens.access_by_end.all().map(|(end, ())| *end).collect::<Vec<_>>();
            prop_assert_eq!(ends(&sliced), ends(&direct));
        }
    }
}
