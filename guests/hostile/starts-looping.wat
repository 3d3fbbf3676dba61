;; Never gets as far as its first export: the start function loops.
(module
  ;; include prelude
  ;; include describe
  (func $forever (loop $again (br $again)))
  (start $forever)
  (func (export "valence:flow/flow@0.1.0#run") (type $run) (call $done)))
