//! The quick start: a runtime on the embedded chain, an account that is watched, a transaction that nobody has signed.
//!
//!     cargo run -p valence-runtime --example quick_start

use valence_runtime::{
    CommitmentConfig, Runtime, RuntimeConfig,
    solana_sdk::{instruction::Instruction, pubkey, pubkey::Pubkey},
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // An account to watch, and an instruction: a memo that the account signs.
    let account_pubkey = pubkey!("7Np41oeYqPefeNQEHSv1UDhYrehxin3NStELsSKCT4K2");
    let instruction = memo("hello", account_pubkey);

    // Configure the runtime. `local` is the embedded chain.
    let config = RuntimeConfig {
        rpc_url: "local".to_string(),
        ws_url: String::new(),
        commitment: CommitmentConfig::confirmed(),
        max_retries: 3,
        enable_simulation: true,
    };

    // Initialize it.
    let runtime = Runtime::new(config).await?;

    // Start its services.
    runtime.start().await?;

    // Subscribe to events.
    let mut events = runtime.subscribe().await;

    // Watch an account.
    let state_monitor = runtime.state_monitor();
    state_monitor
        .subscribe_account(account_pubkey, |update| {
            println!("Account updated: {update:?}");
        })
        .await?;

    // Build a transaction.
    let tx_builder = runtime.transaction_builder();
    let unsigned_tx =
        tx_builder.add_instruction(instruction).with_compute_units(200_000).build("My transaction".to_string()).await?;

    // It is ready for signers outside. On an empty chain its fee payer has no lamports, and the simulation says so.
    println!("Transaction ready for signing: {unsigned_tx:?}");
    println!("In base64: {}", unsigned_tx.to_base64());

    // Stop. Nothing ran, so there is nothing to hear of.
    runtime.stop().await;
    while let Some(event) = events.next().await {
        println!("Event: {:?}", event?);
    }
    Ok(())
}

fn memo(text: &str, signer: Pubkey) -> Instruction {
    use valence_runtime::solana_sdk::instruction::AccountMeta;
    let program = pubkey!("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr");
    Instruction::new_with_bytes(program, text.as_bytes(), vec![AccountMeta::new_readonly(signer, true)])
}
