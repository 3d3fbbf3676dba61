;; Reads no accounts without end.
(module
  (import "valence:flow/account-watch@0.1.0" "get" (func $get (param i32 i32 i32 i64 i64 i32)))
  ;; include prelude
  ;; include describe
  (func (export "valence:flow/flow@0.1.0#run") (type $run)
    (loop $again
      (call $get (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 4200))
      (global.set $free (i32.const 8192))
      (br $again))
    (call $done)))
