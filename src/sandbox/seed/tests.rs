use crate::sandbox::Sandbox;

#[tokio::test]
async fn seeding_is_quick() {
    let started = std::time::Instant::now();
    Sandbox::new().await.unwrap();
    // Some ten times what it takes, so that only a change of kind fails, not a busy machine.
    assert!(
        started.elapsed() < std::time::Duration::from_secs(3),
        "{:?}",
        started.elapsed()
    );
}
