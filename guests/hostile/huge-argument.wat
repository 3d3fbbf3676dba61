;; Hands a text of 1 GiB to one call.
(module
  (import "valence:flow/log@0.1.0" "write" (func $log (param i32 i32 i32)))
  ;; include prelude
  ;; include describe
  (func (export "valence:flow/flow@0.1.0#run") (type $run)
    (drop (memory.grow (i32.const 16384)))
    (call $log (i32.const 1) (i32.const 0) (i32.const 0x40000000))
    (call $done)))
