;; Takes a timer, and another, and drops none.
(module
  (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $timer (param i64) (result i32)))
  ;; include prelude
  ;; include describe
  (func (export "valence:flow/flow@0.1.0#run") (type $run)
    (loop $again
      (drop (call $timer (i64.const 1)))
      (br $again))
    (call $done)))
