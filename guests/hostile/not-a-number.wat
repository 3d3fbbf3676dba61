;; Makes a NaN by 0/0, one by inf-inf and one by the root of -1, and tells their bits in its outcome. Which NaN an
;; operation gives differs between machines; here it must not.
(module
  ;; include prelude
  ;; include describe
  (data (i32.const 704) (i32 0 0 4096 24))
  (func $hex (param $bits i32) (param $at i32)
    (local $digit i32)
    (local $n i32)
    (loop $again
      (local.set $digit (i32.and (i32.shr_u (local.get $bits) (i32.const 28)) (i32.const 15)))
      (i32.store8 (i32.add (local.get $at) (local.get $n))
        (i32.add (local.get $digit) (select (i32.const 87) (i32.const 48) (i32.gt_u (local.get $digit) (i32.const 9)))))
      (local.set $bits (i32.shl (local.get $bits) (i32.const 4)))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 8)))))
  (func (export "valence:flow/flow@0.1.0#run") (type $run)
    (local $zero f32)
    (local $inf f32)
    (local.set $inf (f32.div (f32.const 1) (local.get $zero)))
    (call $hex (i32.reinterpret_f32 (f32.div (local.get $zero) (local.get $zero))) (i32.const 4096))
    (call $hex (i32.reinterpret_f32 (f32.sub (local.get $inf) (local.get $inf))) (i32.const 4104))
    (call $hex (i32.reinterpret_f32 (f32.sqrt (f32.sub (local.get $zero) (f32.const 1)))) (i32.const 4112))
    (i32.const 704)))
