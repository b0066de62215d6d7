//! A cache with a bound: two generations, of which the older one is dropped when the younger is full.

use std::collections::HashMap;
use std::hash::Hash;

/// At most twice `bound` values; what was used since the last turn survives it.
#[derive(Debug)]
pub struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    bound: usize,
}

impl<K: Eq + Hash, V> Generations<K, V> {
    /// An empty cache whose generations hold up to `bound` values each.
    pub fn new(bound: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), bound }
    }

    /// Takes a value out.
    pub fn take(&mut self, key: &K) -> Option<V> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    /// Looks at a value.
    pub fn peek(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Puts a value in.
    pub fn put(&mut self, key: K, value: V) {
        self.young.insert(key, value);
    }

    /// Whether the younger generation is full, so that what is unsaved should be saved and [`Self::turn`] called.
    pub fn is_full(&self) -> bool {
        self.young.len() >= self.bound
    }

    /// Changes the bound from now on.
    pub fn set_bound(&mut self, bound: usize) {
        self.bound = bound;
    }

    /// Drops the older generation. Everything unsaved must have been saved.
    pub fn turn(&mut self) {
        self.old = std::mem::take(&mut self.young);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_survives_a_turn_and_what_is_not_goes() {
        let mut cache = Generations::new(2);
        cache.put(1, "one");
        cache.put(2, "two");
        assert!(cache.is_full());
        cache.turn();
        assert_eq!(cache.take(&1), Some("one"));
        cache.put(1, "one");
        cache.turn();
        assert_eq!(cache.peek(&1), Some(&"one"));
        assert_eq!(cache.peek(&2), None);
    }
}
