;; Asks for more than its own declared maximum: WebAssembly says no, and no limit of the host is meant.
(module
  ;; include prelude
  ;; include describe
  (memory $small 1 2)
  (func (export "valence:flow/flow@0.1.0#run") (type $run)
    (if (i32.ne (memory.grow $small (i32.const 60000)) (i32.const -1)) (then (unreachable)))
    (call $done)))
