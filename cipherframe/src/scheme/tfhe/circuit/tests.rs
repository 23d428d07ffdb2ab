use super::*;
use crate::scheme::tfhe::dry_run::dry_run;
use crate::scheme::tfhe::noise::CircuitNoise;
use proptest::prelude::*;

const SCALE: u32 = 56;

/// What a circuit of one result gives for inputs at `SCALE`, as an integer at the scale of the result.
fn result(circuit: &mut Circuit, value: Value, inputs: &[u64]) -> i64 {
    let scale_log2 = value.scale_log2();
    circuit.output(value);
    let inputs: Vec<u64> = inputs.iter().map(|input| input << SCALE).collect();
    dry_run(circuit, &inputs)[0] as i64 >> scale_log2
}

proptest! {
    #[test]
    fn a_maximum_is_the_maximum(max in 1u8..=15, a in 0u64..=15, b in 0u64..=15) {
        let (a, b) = (a.min(max.into()), b.min(max.into()));
        let mut circuit = Circuit::default();
        let [first, second] = [0, 1].map(|index| Value::input(index, max, SCALE));
        let value = circuit.maximum(&first, &second).unwrap();
        prop_assert_eq!(value.scale_log2(), SCALE + 1);
        prop_assert_eq!(result(&mut circuit, value, &[a, b]), a.max(b) as i64);
    }

    #[test]
    fn a_linear_combination_is_the_sum_and_its_range_holds_it(
        weights in proptest::collection::vec(-3i64..=3, 1..6), constant in -9i64..=9, inputs in proptest::collection::vec(0u64..=15, 6),
    ) {
        let mut circuit = Circuit::default();
        let values: Vec<Value> = (0..weights.len()).map(|index| Value::input(index, 15, 48)).collect();
        let operands: Vec<(&Value, i64)> = values.iter().zip(weights.iter().copied()).collect();
        let sum = circuit.linear(&operands, constant).unwrap();
        let products = weights.iter().zip(&inputs).map(|(weight, input)| weight * *input as i64);
        let expected = constant + products.sum::<i64>();
        prop_assert!((sum.low..=sum.high).contains(&expected));
        circuit.output(sum);
        let inputs: Vec<u64> = inputs.iter().map(|input| input << 48).collect();
        prop_assert_eq!(dry_run(&circuit, &inputs)[0] as i64 >> 48, expected);
    }

    #[test]
    fn a_table_is_looked_up_at_any_scale(max in 1u8..=15, x in 0u64..=15, scale_log2 in 50u32..=58) {
        let x = x.min(max.into());
        let mut circuit = Circuit::default();
        let squares = |x: u8| i64::from(x) * i64::from(x) / 8 - 9;
        let value = circuit.lookup(&Value::input(0, max, SCALE), scale_log2, squares).unwrap();
        prop_assert_eq!(value.scale_log2(), scale_log2);
        prop_assert_eq!(result(&mut circuit, value, &[x]), squares(x as u8));
    }

    #[test]
    fn a_value_is_kept_where_another_is_zero(max in 1u8..=15, x in 0u64..=15, condition in 0u64..=15) {
        let x = x.min(max.into());
        let mut circuit = Circuit::default();
        let zero = circuit.is_zero(&Value::input(1, 15, SCALE)).unwrap();
        let value = circuit.keep_if(&Value::input(0, max, SCALE), &zero, 59).unwrap();
        let expected = if condition == 0 { x as i64 } else { 0 };
        prop_assert_eq!(result(&mut circuit, value, &[x, condition]), expected);
    }
}

#[test]
fn blocks_cost_the_noise_that_the_table_of_the_module_says() {
    let bootstrap = crate::scheme::tfhe::noise::bootstrap_variance();
    let fresh = crate::scheme::tfhe::noise::fresh_variance();
    let variance = |build: &dyn Fn(&mut Circuit, &[Value; 2]) -> Value| {
        let mut circuit = Circuit::default();
        let inputs = [0, 1].map(|index| Value::input(index, 15, SCALE));
        let value = build(&mut circuit, &inputs);
        circuit.output(value);
        CircuitNoise::of(&circuit).output_variances[0]
    };
    let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-9, "{a} against {b}");
    close(
        variance(&|circuit, [a, b]| circuit.linear(&[(a, 2), (b, -3)], 1).unwrap()),
        // Pixels share a mask, so their noises are counted as one: (2 + 3)^2.
        25.0 * fresh,
    );
    close(
        variance(&|circuit, [a, _]| circuit.rescale(a, SCALE + 2).unwrap()),
        16.0 * fresh,
    );
    close(
        variance(&|circuit, [a, b]| circuit.maximum(a, b).unwrap()),
        bootstrap + 4.0 * fresh,
    );
    close(
        variance(&|circuit, [a, _]| circuit.refresh(a, SCALE).unwrap()),
        bootstrap,
    );
    close(
        variance(&|circuit, [a, b]| {
            let zero = circuit.is_zero(b).unwrap();
            circuit.keep_if(a, &zero, SCALE + 1).unwrap()
        }),
        bootstrap + fresh,
    );
    // A value with itself: its noise doubles, it does not add up as if there were two.
    close(
        variance(&|circuit, [a, _]| circuit.linear(&[(a, 1), (a, 1)], 0).unwrap()),
        4.0 * fresh,
    );
}

#[test]
fn what_cannot_be_is_refused() {
    let mut circuit = Circuit::default();
    let (low, high) = (Value::input(0, 15, 50), Value::input(1, 15, 60));
    let scale = CircuitError::Scale {
        actual: 60,
        most: 59,
    };
    assert_eq!(circuit.maximum(&low, &high), Err(scale));
    assert_eq!(
        circuit.rescale(&high, 59).unwrap_err().to_string(),
        "a value at scale 2^60 is used where 2^59 is the most; refresh it before"
    );
    let sum = circuit.linear(&[(&low, 1), (&low, 1)], 0).unwrap();
    let range = CircuitError::Range { low: 0, high: 30 };
    assert_eq!(circuit.refresh(&sum, 57), Err(range));
    let negative = circuit.linear(&[(&low, -1)], 0).unwrap();
    assert!(circuit.lookup(&negative, 57, i64::from).is_err());
    let torus = CircuitError::Torus {
        low: 0,
        high: 15,
        scale_log2: 61,
    };
    assert_eq!(circuit.rescale(&low, 61), Err(torus));
    assert!(circuit.linear(&[(&high, 2)], 0).is_err());
    assert!(circuit.bootstraps().is_empty());
}

#[test]
fn a_signed_value_is_looked_up_with_a_constant_added() {
    let mut circuit = Circuit::default();
    let [a, b] = [0, 1].map(|index| Value::input(index, 7, SCALE));
    let shifted = circuit.linear(&[(&a, 1), (&b, -1)], 7).unwrap();
    let rectified = circuit.lookup(&shifted, 57, |x| (i64::from(x) - 7).max(0));
    let rectified = rectified.unwrap();
    circuit.output(rectified);
    for (a, b, expected) in [(7, 0, 7), (0, 7, 0), (5, 3, 2), (3, 5, 0)] {
        let inputs = [a << SCALE, b << SCALE];
        assert_eq!(dry_run(&circuit, &inputs)[0] >> 57, expected, "{a} - {b}");
    }
}

#[test]
fn rounds_follow_from_what_needs_what() {
    let mut circuit = Circuit::default();
    let inputs = [0, 1, 2].map(|index| Value::input(index, 15, SCALE));
    let a = circuit.maximum(&inputs[0], &inputs[1]).unwrap();
    let b = circuit.refresh(&inputs[2], SCALE).unwrap();
    let c = circuit.maximum(&a, &b).unwrap();
    assert_eq!(circuit.rounds(), [vec![0, 1], vec![2]]);
    circuit.barrier();
    circuit.refresh(&inputs[0], SCALE).unwrap();
    assert_eq!(circuit.rounds(), [vec![0, 1], vec![2], vec![3]]);
    circuit.output(c);
    // The maximum needs a and b twice: to compare them, and to add them.
    assert_eq!(circuit.uses(), [2, 2, 1, 0]);
}
