;; Fills all its memory again and again: few instructions, much time. The deadline must not wait for fuel.
(module
  ;; include prelude
  ;; include describe
  (func (export "valence:flow/flow@0.1.0#run") (type $run)
    (drop (memory.grow (i32.const 1000)))
    (loop $again
      (memory.fill (i32.const 65536) (i32.const 7) (i32.const 65536000))
      (br $again))
    (call $done)))
