;; Does what a panic in Rust compiles to.
(module
  ;; include prelude
  ;; include describe
  (func $it_panicked_here (unreachable))
  (func (export "valence:flow/flow@0.1.0#run") (type $run)
    (call $it_panicked_here)
    (call $done)))
