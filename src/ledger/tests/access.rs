//! What it costs to say who could do what, and what is said when it would cost too much.

use std::sync::atomic::Ordering;

use events::id::{PermissionId, SYSTEM_TENANT, TenantId};

use super::super::{
    access::{Answered, Asked, EVENTS_MAX},
    past::{Moment, PastError},
};
use super::past::{counted, crowded, log};
use super::*;

fn about(user: UserId, only: Option<TenantId>) -> Asked {
    Asked {
        user,
        permission: PermissionId(12),
        tenant: None,
        moment: Moment::Time(Timestamp(i64::MAX)),
        only,
    }
}

#[tokio::test]
async fn who_could_what_costs_what_the_streams_are_long_and_not_the_log() {
    let memory = crowded().await;
    let folded = memory.fold();
    let head = |stream| folded.view.state.streams.heads.get(&stream).map(|head| head.sequence);
    let reader = counted(&memory);
    let found = log(&reader).access(about(ADMIN, None), &head, EVENTS_MAX).expect("reads");
    let Answered::Found(SYSTEM_TENANT, access) = found else { panic!("{found:?}") };
    assert_eq!((access.could, access.changes.len()), (true, 1));
    // One event each of user, role and tenant, looked at twice; the user's also for where he lives and for his roles.
    assert_eq!(reader.visited.load(Ordering::Relaxed), 8);
    assert!(memory.head().size > 400);
}

#[tokio::test]
async fn a_history_that_is_too_long_is_told_of_to_who_may_ask_about_it() {
    let memory = crowded().await;
    let folded = memory.fold();
    let head = |stream| folded.view.state.streams.heads.get(&stream).map(|head| head.sequence);
    let log = log(&counted(&memory));
    assert!(matches!(log.access(about(ADMIN, None), &head, 3), Ok(Answered::Found(..))));
    for events_max in [0, 1, 2] {
        for only in [None, Some(SYSTEM_TENANT)] {
            let asked = log.access(about(ADMIN, only), &head, events_max);
            assert!(matches!(asked, Err(PastError::TooLong(max)) if max == events_max), "{asked:?}");
        }
        // To others he is nobody, however long his history is.
        let asked = log.access(about(ADMIN, Some(TenantId(2))), &head, events_max);
        assert!(matches!(asked, Ok(Answered::NoUser)), "{events_max}: {asked:?}");
    }
    let nobody = log.access(about(UserId(2), None), &head, EVENTS_MAX);
    assert!(matches!(nobody, Ok(Answered::NoUser)), "{nobody:?}");
}
