;; Waits for slot 0, which has been, without end.
(module
  (import "valence:flow/account-watch@0.1.0" "wait" (func $wait (param i32 i32 i32 i32 i64 i32)))
  ;; include prelude
  ;; include describe
  (func (export "valence:flow/flow@0.1.0#run") (type $run)
    (i32.store8 (i32.const 4096) (i32.const 7))
    (loop $again
      (call $wait (i32.const 4096) (i32.const 1) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 4200))
      (br $again))
    (call $done)))
