;; Never ends: fuel stops it, or the deadline where fuel is plenty.
(module
  ;; include prelude
  ;; include describe
  (func $forever (loop $again (br $again)))
  (func (export "valence:flow/flow@0.1.0#run") (type $run)
    (call $forever)
    (call $done)))
