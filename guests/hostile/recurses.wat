;; Calls itself without end, and not as a tail call.
(module
  ;; include prelude
  ;; include describe
  (func $deeper (param i32) (result i32)
    (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
  (func (export "valence:flow/flow@0.1.0#run") (type $run)
    (drop (call $deeper (i32.const 0)))
    (call $done)))
