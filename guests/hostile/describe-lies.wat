;; Says that its id is `No Slug`.
(module
  ;; include prelude
  (data (i32.const 512) (i32 1024 7 1024 7 1040 5 1024 7 0 0 0 0 0 0))
  (data (i32.const 1024) "No Slug")
  (data (i32.const 1040) "1.0.0")
  (func (export "valence:flow/flow@0.1.0#describe") (result i32) (i32.const 512))
  (func (export "valence:flow/flow@0.1.0#run") (type $run) (call $done)))
