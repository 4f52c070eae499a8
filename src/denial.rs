//! denial.
