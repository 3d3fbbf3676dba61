;; Hands over a text that lies outside its memory.
(module
  (import "valence:flow/log@0.1.0" "write" (func $log (param i32 i32 i32)))
  ;; include prelude
  ;; include describe
  (func (export "valence:flow/flow@0.1.0#run") (type $run)
    (call $log (i32.const 1) (i32.const 0x7fffff00) (i32.const 0x40000000))
    (call $done)))
