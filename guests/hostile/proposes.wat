;; Offers a step to signers without end. The step is all zeros: no name, no instruction.
(module
  (import "valence:flow/tx-build@0.1.0" "emit" (func $emit (param i32 i32)))
  ;; include prelude
  ;; include describe
  (func (export "valence:flow/flow@0.1.0#run") (type $run)
    (loop $again
      (call $emit (i32.const 4096) (i32.const 4200))
      (global.set $free (i32.const 8192))
      (br $again))
    (call $done)))
