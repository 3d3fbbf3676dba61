;; Reads an account that is too large for one reply. It must be told so as an error value, too-large; else it traps.
(module
  (import "valence:flow/account-watch@0.1.0" "get" (func $get (param i32 i32 i32 i64 i64 i32)))
  ;; include prelude
  ;; include describe
  (func (export "valence:flow/flow@0.1.0#run") (type $run)
    (call $get (i32.const 4096) (i32.const 1) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 4200))
    (if (i32.ne (i32.load8_u (i32.const 4200)) (i32.const 1)) (then (unreachable)))
    (if (i32.ne (i32.load8_u (i32.const 4208)) (i32.const 2)) (then (unreachable)))
    (call $done)))
