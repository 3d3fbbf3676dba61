;; Hands 16384 seeds to one call, all of them the same 64 KiB: 1 GiB out of two pages of memory.
(module
  (import "valence:flow/tx-build@0.1.0" "find-program-address"
    (func $find (param i64 i64 i64 i64 i32 i32 i32)))
  ;; include prelude
  ;; include describe
  (func (export "valence:flow/flow@0.1.0#run") (type $run)
    (local $i i32)
    (drop (memory.grow (i32.const 4)))
    (loop $again
      (i32.store offset=131076 (i32.shl (local.get $i) (i32.const 3)) (i32.const 65536))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (i32.const 16384))))
    (call $find (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)
      (i32.const 131072) (i32.const 16384) (i32.const 4096))
    (call $done)))
