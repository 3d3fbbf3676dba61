;; A valid descriptor: id, name, version, description, and no params, roles or steps.
(data (i32.const 512) (i32 1024 7 1024 7 1040 5 1056 24 0 0 0 0 0 0))
(data (i32.const 1024) "hostile")
(data (i32.const 1040) "1.0.0")
(data (i32.const 1056) "A guest that means harm.")
(func (export "valence:flow/flow@0.1.0#describe") (result i32) (i32.const 512))
