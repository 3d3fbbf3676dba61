;; Traps when it is asked what it is.
(module
  ;; include prelude
  (func $no_comment (export "valence:flow/flow@0.1.0#describe") (result i32) (unreachable))
  (func (export "valence:flow/flow@0.1.0#run") (type $run) (call $done)))
