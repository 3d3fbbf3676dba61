//! `cargo run -p valence-build --example build -- FOLDER…`: builds folders and says how long each took.

use valence_build::{BuildRequest, build};

fn main() -> Result<(), valence_build::BuildError> {
    for folder in std::env::args_os().skip(1) {
        let started = std::time::Instant::now();
        let built = build(&BuildRequest::new(folder), &mut |progress| eprintln!("{progress:?}"))?;
        println!(
            "{} ({} bytes, fresh: {}) in {:?}",
            built.component.display(),
            built.bytes.len(),
            built.fresh,
            started.elapsed()
        );
    }
    Ok(())
}
