;; Says that its id is two bytes that are no text.
(module
  ;; include prelude
  (data (i32.const 512) (i32 1024 2 1024 2 1040 5 1024 2 0 0 0 0 0 0))
  (data (i32.const 1024) "\ff\fe")
  (data (i32.const 1040) "1.0.0")
  (func (export "valence:flow/flow@0.1.0#describe") (result i32) (i32.const 512))
  (func (export "valence:flow/flow@0.1.0#run") (type $run) (call $done)))
