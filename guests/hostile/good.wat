;; Means no harm: writes a line, waits for slot 0, which has been, and is done. Runs after each of the others.
(module
  (import "valence:flow/log@0.1.0" "write" (func $log (param i32 i32 i32)))
  (import "valence:flow/account-watch@0.1.0" "wait" (func $wait (param i32 i32 i32 i32 i64 i32)))
  ;; include prelude
  ;; include describe
  (func (export "valence:flow/flow@0.1.0#run") (type $run)
    (call $log (i32.const 1) (i32.const 1024) (i32.const 7))
    (i32.store8 (i32.const 4096) (i32.const 7))
    (call $wait (i32.const 4096) (i32.const 1) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 4200))
    (call $done)))
