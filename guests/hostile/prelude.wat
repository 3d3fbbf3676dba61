;; What every hostile guest has: a memory, an allocator that never frees, the type of `run`, and an ordinary end. The
;; tests splice this file into the guests that name it. Below 4096 is the prelude's, above it the guest's and the
;; allocator's.
(type $run (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(memory (export "memory") 2)
(global $free (mut i32) (i32.const 8192))
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (local $at i32)
  (local.set $at (i32.and (i32.add (global.get $free) (i32.const 15)) (i32.const -16)))
  (global.set $free (i32.add (local.get $at) (local.get 3)))
  (local.get $at))
;; result<outcome, flow-error>: ok(done("done"))
(data (i32.const 640) (i32 0 0 1088 4))
(data (i32.const 1088) "done")
(func $done (result i32) (i32.const 640))
